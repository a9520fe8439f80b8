// Package octets reads and writes what OpenFlow messages are made of: integers
// in network byte order, padding, and properties with their lengths.
package octets

import "errors"

// ErrTruncated means that a message part ends before what it should hold.
var ErrTruncated = errors.New("truncated")

// Nicira is the vendor of Open vSwitch's extensions.
const Nicira = 0x00002320

// OrTruncated is err, or ErrTruncated if there is none.
func OrTruncated(err error) error {
	if err == nil {
		return ErrTruncated
	}
	return err
}
