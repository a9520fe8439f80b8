package main

import (
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/console"
)

// consoleFlags say whether an API serves pages for people.
type consoleFlags struct {
	Console bool `default:"true" negatable:"" help:"Serve the console, pages for people, at /ui/ (it needs a program that was built with Node)."`
}

// serve puts the console beside an API.
func (f *consoleFlags) serve(api http.Handler, opts console.Options) http.Handler {
	if !f.Console {
		return api
	}
	opts.Version = version
	return console.Handler(api, opts)
}

// consoleURL is where people find the console of an API, "" if a browser cannot
// get there.
func (f *consoleFlags) consoleURL(api string) string {
	if !f.Console || strings.HasPrefix(api, "unix:") {
		return ""
	}
	return api + "/ui/"
}
