// Package shape is the JSON of the resources, docs/api.md "Shapes": how each is shown,
// as a policy has it, and how each is read from a request.
package shape
