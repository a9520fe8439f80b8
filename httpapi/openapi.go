package httpapi

import (
	_ "embed"
	"net/http"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/ringfence/ringfence/httpapi/transport"
)

//go:embed openapi.yaml
var openAPIYAML []byte

// openAPIJSON is the API's description as JSON.
var openAPIJSON = sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(openAPIYAML) })

func openAPI(c *call) error {
	body, err := openAPIJSON()
	if err != nil {
		return err
	}
	tag := transport.ETag("openapi", body)
	c.res.Header().Set("ETag", tag)
	if c.req.Header.Get("If-None-Match") == tag {
		c.res.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.answer(http.StatusOK, body)
}
