package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/manpage"
)

// manCmd is what packages are made with.
type manCmd struct {
	Dir string `arg:"" type:"path" help:"Where the pages are put."`
}

func (c manCmd) Run(std stdio) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	parser, _ := newParser(&cli{}, stdio{out: io.Discard, err: io.Discard})
	pages := manpage.Pages(parser.Model)
	for _, p := range pages {
		f, err := os.Create(filepath.Join(c.Dir, p.Name+".1"))
		if err != nil {
			return err
		}
		err = p.Write(f, version)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(std.out, "%d pages are in %s\n", len(pages), c.Dir)
	return err
}
