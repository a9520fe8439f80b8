// Package asking puts questions to hosts for accounts: so many at a time, to so
// many hosts a second. Of the answers an account is told what it may know.
package asking
