package main

import (
	"cmp"
	"context"
	"runtime"

	"github.com/alecthomas/kong"
)

// version is set by the linker: -X main.version=….
var version = "devel"

type versionCmd struct {
	API bool `help:"Ask the API for its version, too. Given --server this is so anyway."`
}

func (versionCmd) Help() string {
	return `Examples:
  ringfence version
  ringfence version --server https://10.0.0.11:8443`
}

// versions is what -o json prints.
type versions struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Server  string `json:"server,omitempty"`         // the API that was asked
	API     string `json:"server_version,omitempty"` // its version
}

func (c versionCmd) Run(ctx context.Context, std stdio, g *globals, kctx *kong.Context) error {
	v := versions{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	out := g.printer(std.out)
	if !out.documents {
		out.line("ringfence %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
	}
	if c.API || given(kctx, "server") {
		s, err := g.session(ctx, std)
		if err != nil {
			return err
		}
		who, err := s.api.WhoAmI(ctx)
		if err != nil {
			return err
		}
		v.Server, v.API = g.Server, cmp.Or(who.Version, "unknown: it is of before APIs told")
		if !out.documents {
			out.line("API %s: %s", v.Server, v.API)
		}
	}
	if out.documents {
		return out.value(v)
	}
	return nil
}
