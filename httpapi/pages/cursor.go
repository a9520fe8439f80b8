package pages

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// Cursor is where a list goes on: at which revision it is read, the mark of the
// write that this is, after which key, and a hash of which list it is.
type Cursor struct {
	Revision int64  `json:"r"`
	Mark     string `json:"m,omitempty"`
	After    string `json:"a"`
	List     uint32 `json:"l"`
}

// Encode writes a cursor as the caller is given it.
func (at Cursor) Encode() string {
	b, _ := json.Marshal(at) // numbers and strings only
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodeCursor reads what Encode wrote, of a list.
func DecodeCursor(text string, list uint32) (*Cursor, error) {
	var at Cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &at)
	}
	if err != nil || at.List != list || at.Revision <= 0 {
		return nil, BadCursor()
	}
	return &at, nil
}

// BadCursor refuses what is no cursor of the list.
func BadCursor() error {
	return transport.Refuse(http.StatusBadRequest, transport.CodeBadCursor, "the cursor is not one that this list gave")
}
