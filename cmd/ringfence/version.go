package main

import (
	"encoding/json"
	"fmt"
	"runtime"
)

// version is set by the linker: -X main.version=….
var version = "devel"

type versionCmd struct{}

func (versionCmd) Run(std stdio, g *globals) error {
	if g.Output == "json" {
		return json.NewEncoder(std.out).Encode(map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
	}
	_, err := fmt.Fprintf(std.out, "ringfence %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
