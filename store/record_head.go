package store

import (
	"crypto/rand"
	"encoding/json"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// headRecord is the value of policy/head.
type headRecord struct {
	recordHeader
	Write string `json:"write"`
}

// newMark makes the value that a mutation gives to the head, which is like no other.
func newMark() (string, error) { return marshal(headRecord{current, rand.Text()}) }

// markOf is the mark that a mutation gave the head, "" if kv is no head.
func markOf(kv *mvccpb.KeyValue) string {
	var head headRecord
	if kv == nil || json.Unmarshal(kv.Value, &head) != nil {
		return ""
	}
	return head.Write
}
