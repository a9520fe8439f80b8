package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

// body is an answer's body as it is kept: in base64, and compressed if it is
// long. Versions that know of no compression fail to read such a one, so that
// none answers something else.
type body []byte

const compressed = "gzip:"

// MarshalJSON implements json.Marshaler.
func (k body) MarshalJSON() ([]byte, error) {
	if len(k) <= Plain {
		return json.Marshal([]byte(k))
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(k); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(compressed + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// UnmarshalJSON implements json.Unmarshaler.
func (k *body) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	text, short := strings.CutPrefix(text, compressed)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if short {
		r, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		if raw, err = io.ReadAll(r); err != nil { // as long as what one of us has written
			return err
		}
	}
	*k = raw
	return nil
}
