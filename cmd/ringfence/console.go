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

// serve puts the console beside an API. tokenFile is where people find a token,
// "" if the operator tells them.
func (f *consoleFlags) serve(api http.Handler, tokenFile string) http.Handler {
	if !f.Console {
		return api
	}
	return console.Handler(api, console.Options{Version: version, TokenFile: tokenFile})
}

// consoleURL is where people find the console of an API, "" if a browser cannot
// get there.
func (f *consoleFlags) consoleURL(api string) string {
	if !f.Console || strings.HasPrefix(api, "unix:") {
		return ""
	}
	return api + "/ui/"
}
