package console

import (
	"errors"
	"net/http"
)

// ourHeader is on every request that the pages make. A form or an image cannot
// have it, and a script of another origin only if the browser asks us first
// (CORS), which we do not answer.
const ourHeader = "X-Ringfence-Console"

// fromOurPages reports whether a script of the pages made the request. Cookies
// know neither ports nor schemes, so that what counts is the origin: a page at
// another port of the same host is none of ours.
func fromOurPages(r *http.Request) error {
	if r.Header.Get(ourHeader) == "" {
		return errors.New("the header " + ourHeader + " is missing: this is for the console's own pages; programs use the API, with a token")
	}
	asked := *r
	asked.Method = http.MethodPost // what only reads is judged like what writes
	if err := http.NewCrossOriginProtection().Check(&asked); err != nil {
		return errors.New("the request is from a page of another origin")
	}
	return nil
}
