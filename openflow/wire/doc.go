// Package wire is the codec of OpenFlow 1.5 messages, with the Nicira
// extensions as Open vSwitch speaks them: one struct a message, Append and
// Decode. It is strict, and opens no sockets: ofconn does.
package wire
