package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/manpage"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// manCmd is what packages are made with.
type manCmd struct {
	Dir string `arg:"" type:"path" help:"Where the pages are put."`
}

func (c manCmd) Run(std output.Stdio) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	parser, _ := newParser(&cli{}, output.Stdio{Out: io.Discard, Err: io.Discard})
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
	_, err := fmt.Fprintf(std.Out, "%d pages are in %s\n", len(pages), c.Dir)
	return err
}
