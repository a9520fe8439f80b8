package secgroup_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// TestForks: several changes made of one policy at once, while others read it, come
// out as if each had been made alone, and the policy stays as it was.
func TestForks(t *testing.T) {
	s := load(network("net", "d"), group(web, true), nic("n0", "net", "10.0.0.1"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprint("fork-", i)
			for round := range 50 {
				fork, _ := s.With(2, []secgroup.Change{secgroup.Put(nic(id, "net", "10.0.0.1")), secgroup.Delete(secgroup.NICKey("n0"))})
				if all := fork.NICsByAddress("d", addr("10.0.0.1")); len(all) != 1 || all[0].ID != id || len(fork.MemberNICs(web)) != 1 {
					t.Errorf("round %d: %v in fork %d", round, all, i)
				}
				if all := s.NICsByAddress("d", addr("10.0.0.1")); len(all) != 1 || all[0].ID != "n0" || s.NIC(id) != nil {
					t.Errorf("round %d: %v where it was forked", round, all)
				}
			}
		})
	}
	wg.Wait()
}
