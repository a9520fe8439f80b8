// Package shape is the JSON of the resources, docs/api.md "Shapes": how each is shown,
// as a view has it, and how each is read from a request.
package shape
