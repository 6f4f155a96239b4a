//! What `printf` and `echo -e` make of a text.

/// Plain text; false: `\c` ended it. `echo` wants a 0 in front of an octal number.
pub(super) fn unescaped(text: &str, echo: bool) -> (Vec<u8>, bool) {
    let (mut plain, mut rest) = (Vec::new(), text.chars().peekable());
    while let Some(next) = rest.next() {
        if next != '\\' {
            plain.extend(next.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let Some(escape) = rest.next() else {
            plain.push(b'\\');
            break;
        };
        let mut digits = |first: u32, radix: u32, most: usize| {
            let (mut value, mut count) = (first, 0);
            while count < most
                && let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix))
            {
                value = value * radix + digit;
                count += 1;
                rest.next();
            }
            (u8::try_from(value & 0xff).expect("it is masked"), count)
        };
        match escape {
            'a' => plain.push(0x07),
            'b' => plain.push(0x08),
            'f' => plain.push(0x0c),
            'n' => plain.push(b'\n'),
            'r' => plain.push(b'\r'),
            't' => plain.push(b'\t'),
            'v' => plain.push(0x0b),
            '\\' => plain.push(b'\\'),
            'c' => return (plain, false),
            '0' if echo => plain.push(digits(0, 8, 3).0),
            '0'..='7' => plain.push(digits(escape.to_digit(8).unwrap_or_default(), 8, 2).0),
            'x' => match digits(0, 16, 2) {
                (_, 0) => plain.extend(b"\\x"),
                (byte, _) => plain.push(byte),
            },
            other => {
                plain.push(b'\\');
                plain.extend(other.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
    (plain, true)
}

/// What it prints, and what is wrong: the rest is printed all the same.
pub(super) fn printf(format: &str, words: &[&str]) -> (Vec<u8>, Option<String>) {
    let (mut text, mut wrong, mut rest) = (Vec::new(), None, words.iter());
    // The format comes again as long as it takes words.
    loop {
        let before = rest.len();
        let mut format = format;
        while let Some((plain, place)) = format.split_once('%') {
            let (plain, goes_on) = unescaped(plain, false);
            text.extend(plain);
            if !goes_on {
                return (text, wrong);
            }
            let kind = place.find(|next: char| !"-+ 0#.123456789".contains(next));
            let Some(kind) = kind else {
                return (text, Some(format!("%{place}: invalid format")));
            };
            let conversion = place[kind..].chars().next().expect("it was found");
            format = &place[kind + conversion.len_utf8()..];
            match (&place[..kind], conversion) {
                ("", '%') => text.push(b'%'),
                (shape, 'b') => {
                    let (bytes, goes_on) = unescaped(rest.next().unwrap_or(&""), true);
                    text.extend(padded(&bytes, shape));
                    if !goes_on {
                        return (text, wrong);
                    }
                }
                (shape, 's') => {
                    let word = rest.next().unwrap_or(&"").as_bytes();
                    let most = precision(shape).unwrap_or(word.len()).min(word.len());
                    text.extend(padded(&word[..most], shape));
                }
                (shape, 'c') => {
                    let first: Vec<u8> = rest.next().unwrap_or(&"").bytes().take(1).collect();
                    text.extend(padded(&first, shape));
                }
                (shape, 'd' | 'i' | 'u' | 'o' | 'x' | 'X') => {
                    let word = rest.next().unwrap_or(&"0");
                    let number = number(word).unwrap_or_else(|| {
                        wrong = Some(format!("invalid number '{word}'"));
                        0
                    });
                    text.extend(digits(number, conversion, shape));
                }
                (shape, other) => {
                    let what = format!("%{shape}{other}: the mock's printf does not have it");
                    return (text, Some(what));
                }
            }
        }
        let (plain, goes_on) = unescaped(format, false);
        text.extend(plain);
        if !goes_on || rest.len() == 0 || rest.len() == before {
            return (text, wrong);
        }
    }
}

fn number(word: &str) -> Option<i64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let (digits, radix) = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (_, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (digits, 10),
    };
    // One sign is enough, and Rust would take another.
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(sign * value).ok()
}

fn digits(number: i64, conversion: char, shape: &str) -> Vec<u8> {
    let text = match conversion {
        'o' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        'X' => format!("{number:X}"),
        'u' => number.cast_unsigned().to_string(),
        _ if number >= 0 && shape.contains('+') => format!("+{number}"),
        _ => number.to_string(),
    };
    let zeros = shape.starts_with('0') && !shape.contains(['.', '-']);
    let least = if zeros { width(shape) } else { precision(shape).unwrap_or_default() };
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text.as_str()),
    };
    let least = if zeros { least.saturating_sub(sign.len()) } else { least };
    padded(format!("{sign}{digits:0>least$}").as_bytes(), shape)
}

/// Wider than any line that is looked at; without a limit, a format would exhaust the memory.
const WIDTH_MAX: usize = 4096;

fn width(shape: &str) -> usize {
    let shape = shape.split('.').next().unwrap_or_default();
    let digits = shape.trim_start_matches(['-', '+', ' ', '0', '#']);
    digits.parse().unwrap_or(0).min(WIDTH_MAX)
}

fn precision(shape: &str) -> Option<usize> {
    let (_, digits) = shape.split_once('.')?;
    Some(digits.parse().unwrap_or(0).min(WIDTH_MAX))
}

fn padded(bytes: &[u8], shape: &str) -> Vec<u8> {
    let blanks = vec![b' '; width(shape).saturating_sub(bytes.len())];
    match shape.contains('-') {
        true => [bytes, &blanks].concat(),
        false => [&blanks, bytes].concat(),
    }
}
