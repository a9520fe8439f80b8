package record

import (
	"crypto/rand"
	"encoding/json"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// headRecord is the value of policy/head.
type headRecord struct {
	Header
	Write string `json:"write"`
}

// NewMark makes the value that a mutation gives to the head, which is like no other.
func NewMark() (string, error) { return Marshal(headRecord{Current, rand.Text()}) }

// MarkOf is the mark that a mutation gave the head, "" if kv is no head.
func MarkOf(kv *mvccpb.KeyValue) string {
	var head headRecord
	if kv == nil || json.Unmarshal(kv.Value, &head) != nil {
		return ""
	}
	return head.Write
}

// WriteOf is the write of the policy that left its head like this: none, if kv is nil.
func WriteOf(kv *mvccpb.KeyValue) Write {
	return Write{Revision: kv.GetModRevision(), Mark: MarkOf(kv)}
}
