package httpapi

import "errors"

// errPanicked stands for a fault of ours that the log has.
var errPanicked = errors.New("an internal error of the API")
