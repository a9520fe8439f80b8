// Package devstate is the directory in which "ringfence dev" keeps its state, and by which clients on the same machine find its API and its token.
package devstate
