package tokens

import "errors"

// Role says what a token's bearer may do.
type Role string

// The roles. An admin of all accounts ("*") is the platform; an admin of one
// account may do what a member may. Metrics, of all accounts alone, may read the
// metrics and nothing else: it is for what scrapes them.
const (
	Admin   Role = "admin"
	Member  Role = "member"
	Viewer  Role = "viewer"
	Metrics Role = "metrics"
	// Host is not of the API: such a token is a host's, for its stream to a relay.
	Host Role = "host"
)

// AnyHost is the host of a token that is good for all of them.
const AnyHost = "*"

// AllAccounts is the account of a token that is good for all of them.
const AllAccounts = "*"

// Identity is who makes a request.
type Identity struct {
	Name    string
	Account string // or AllAccounts
	Role    Role
}

// Platform reports whether the identity is the platform itself.
func (i Identity) Platform() bool { return i.Account == AllAccounts && i.Role == Admin }

// Owns reports whether the identity may know of an account.
func (i Identity) Owns(account string) bool {
	return i.Role != Metrics && (i.Account == AllAccounts || i.Account == account)
}

// Refusal is why a token is nobody's, in words for whoever bears it.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// ErrUnknown refuses a token of which nothing is known.
const ErrUnknown = Refusal("the token is not valid")

// ErrCannotTell is why whoever bears a token is neither known nor refused: who
// would have to be asked does not answer.
var ErrCannotTell = errors.New("it cannot be told now who bears the token")
