// Package ownership sees to it that one controller alone has a bridge, and says by what
// that one is known.
package ownership
