package main

import (
	"context"
	"os"
	"sort"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/images"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/oci"
)

const snapshotter = "overlayfs"

func (d *driver) performImage(ctx context.Context, name string, a arguments) (interface{}, error) {
	switch name {
	case "import":
		return d.importArchive(ctx, a)
	case "images":
		listed, err := d.client.ListImages(ctx)
		names := []string{}
		for _, image := range listed {
			names = append(names, image.Name())
		}
		sort.Strings(names)
		return object{"images": names}, err
	case "image":
		image, err := d.client.GetImage(ctx, a.Image)
		if err != nil {
			return nil, err
		}
		keep(d, d.images, a.Image, image)
		return object{"digest": image.Target().Digest}, nil
	case "delete-with-snapshot":
		c, err := held(d, d.containers, a.Container)
		if err != nil {
			return nil, err
		}
		return object{}, c.Delete(ctx, containerd.WithSnapshotCleanup)
	case "remove-image":
		options := []images.DeleteOpt{}
		if a.Sync {
			options = append(options, images.SynchronousDelete())
		}
		return object{}, d.client.ImageService().Delete(ctx, a.Image, options...)
	}
	image, err := held(d, d.images, a.Image)
	if err != nil {
		return nil, err
	}
	if name == "unpack" {
		return object{}, image.Unpack(ctx, snapshotter)
	}
	// Its spec generator looks for it there.
	ctx = namespaces.WithNamespace(ctx, d.namespace)
	c, err := d.client.NewContainer(ctx, a.Container,
		containerd.WithRuntime("io.containerd.runc.v2", nil),
		containerd.WithSnapshotter(snapshotter),
		containerd.WithNewSnapshot(a.Container, image),
		containerd.WithNewSpec(oci.WithImageConfigArgs(image, a.Args)))
	if err == nil {
		keep(d, d.containers, a.Container, c)
	}
	return object{}, err
}

func (d *driver) importArchive(ctx context.Context, a arguments) (interface{}, error) {
	archive, err := os.Open(a.Archive)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	imported, err := d.client.Import(ctx, archive)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, image := range imported {
		names = append(names, image.Name)
		keep(d, d.images, image.Name, containerd.NewImage(d.client, image))
	}
	sort.Strings(names)
	return object{"images": names}, nil
}
