package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Operation is one mutation of a transaction: a request on a resource of the
// account, as it would be made alone.
type Operation struct {
	// As names what the operation makes. Later operations say ${name} for its
	// id: as a segment of a path, or as any string of a body.
	As          string `json:"as,omitempty"`
	Method      string `json:"method"`
	Path        string `json:"path"` // below the account: "/security-groups/web/rules"
	Body        any    `json:"body,omitempty"`
	IfMatch     string `json:"if_match,omitempty"`
	IfNoneMatch string `json:"if_none_match,omitempty"`
}

// OperationResult is what became of one operation.
type OperationResult struct {
	As       string          `json:"as"`
	Status   int             `json:"status"`
	Location *string         `json:"location"`
	Body     json.RawMessage `json:"body"` // the object as the transaction left it, null for none
}

// MaxOperations is how many operations a transaction may have.
const MaxOperations = 100

// Transaction makes all operations at one revision, or none of them.
func (c *Client) Transaction(ctx context.Context, acct string, ops []Operation, opts ...CallOption) ([]OperationResult, error) {
	body := struct {
		Operations []Operation `json:"operations"`
	}{ops}
	var out struct {
		Results []OperationResult `json:"results"`
	}
	err := c.Do(ctx, http.MethodPost, account(acct, "transactions"), body, &out, opts...)
	return out.Results, err
}
