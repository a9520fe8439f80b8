package ovsproc

import (
	"crypto/sha1" //nolint:gosec // the checksum of ovsdb(5)
	"fmt"
	"os"
	"slices"

	"github.com/google/uuid"
)

// createDB makes a database with the one row that ovs-vswitchd wants, as
// "ovs-vsctl init" would: without a server, and before anybody follows it.
func (p *Proc) createDB() error {
	schema, err := os.ReadFile(p.cfg.Schema)
	if err != nil {
		return fmt.Errorf("ovsproc: %w", err)
	}
	row := fmt.Appendf(nil, `{"Open_vSwitch":{%q:{}}}`, uuid.NewString())
	if err := os.WriteFile(p.dbFile(), slices.Concat(record(schema), record(row)), 0o644); err != nil {
		return fmt.Errorf("ovsproc: %w", err)
	}
	return nil
}

// record is one of the database's file, in the form of ovsdb(5): the first is the
// schema, each other a transaction.
func record(json []byte) []byte {
	//nolint:gosec // the form's own checksum
	return fmt.Appendf(nil, "OVSDB JSON %d %x\n%s", len(json), sha1.Sum(json), json)
}
