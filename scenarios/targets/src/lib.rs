//! What scenarios run against: the mock, a private real containerd, an address.
