// Package realization tells whether the policy is in force, and where. A History
// remembers the latest changes: how to show the policy as it was before them, and
// whom they concern. A Need says what each host must have applied for that, and
// waits for it. A Placement says at which host a NIC is plugged.
package realization
