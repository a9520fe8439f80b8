// Package strictjson is JSON as the API takes and gives it. Parse reads a value
// as it was written, and a Reader takes its fields one by one: what has the
// wrong type, stands there twice or was not asked for is a fault with its
// pointer (RFC 6901), and all faults are found in one go. Merge and Edit are
// JSON Merge Patch (RFC 7396), Diff makes a JSON Patch (RFC 6902).
package strictjson
