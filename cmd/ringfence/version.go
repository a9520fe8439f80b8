package main

import (
	"cmp"
	"context"
	"runtime"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
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

func (c versionCmd) Run(ctx context.Context, std output.Stdio, g *session.Flags, kctx *kong.Context) error {
	v := versions{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	out := g.Printer(std.Out)
	if !out.Documents {
		out.Line("ringfence %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
	}
	if c.API || isGiven(kctx, "server") {
		s, err := g.Session(ctx, std)
		if err != nil {
			return err
		}
		who, err := s.API.WhoAmI(ctx)
		if err != nil {
			return err
		}
		v.Server, v.API = g.Server, cmp.Or(who.Version, "unknown: it is of before APIs told")
		if !out.Documents {
			out.Line("API %s: %s", v.Server, v.API)
		}
	}
	if out.Documents {
		return out.Value(v)
	}
	return nil
}
