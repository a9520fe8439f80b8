// What is changed and deleted in the console besides rules, and what becomes of
// a form when others are faster.
import assert from 'node:assert/strict'
import {test} from 'node:test'

import {reviewed} from './browser.mjs'
import {until} from './world.mjs'

const nothing = async () => {}

export function changes(given) {
  test('networks and NICs are changed and deleted, and what others wrote meanwhile is shown first', async () => {
    const {world, admin} = given()
    const {page} = admin
    const dialog = page.getByRole('dialog')
    const network = {type: 'flat', prefixes: ['10.9.0.0/24'], vlan: null, routing_domain: 'lab'}
    await world.api('PUT', '/v1/networks/net-9', network)
    await admin.go('/ui/networks', 'Networks')
    await page.getByRole('button', {name: 'Edit: net-9'}).click()
    await dialog.getByLabel('Prefixes').fill('10.9.0.0/24, 10.10.0.0/24')
    await world.api('PUT', '/v1/networks/net-9', {...network, gateways: ['10.9.0.1']})
    await dialog.getByRole('button', {name: /^Review/}).click()
    await dialog.getByText('Somebody else changed this meanwhile').waitFor()
    await dialog.getByRole('listitem').filter({hasText: 'gateways'}).filter({hasText: '10.9.0.1'}).waitFor()
    await dialog.getByRole('button', {name: 'Keep my edits, on top of the new state'}).click()
    await dialog.getByText('Somebody else').waitFor({state: 'detached'})
    assert.equal(await dialog.getByLabel('Prefixes').inputValue(), '10.9.0.0/24, 10.10.0.0/24')
    await dialog.getByLabel('Gateways').fill('10.9.0.1')
    await reviewed(page, async () => assert.equal((await world.api('GET', '/v1/networks/net-9')).prefixes.length, 1))
    const after = await world.api('GET', '/v1/networks/net-9')
    assert.deepEqual([after.prefixes, after.gateways, after.vlan, after.routing_domain], [['10.9.0.0/24', '10.10.0.0/24'], ['10.9.0.1'], null, 'lab'])

    await world.api('PUT', '/v1/nics/spare', {account: 'acme', network: 'net-9', mac: '02:00:00:00:09:01', addresses: ['10.9.0.5'], hosts: ['h1'], dhcp_server: true})
    await admin.go('/ui/a/acme/nics/spare', 'spare')
    await page.getByRole('button', {name: 'Change NIC'}).click()
    await dialog.getByLabel('May also send from').fill('10.9.1.0/28')
    await reviewed(page, async () => assert.deepEqual((await world.api('GET', '/v1/nics/spare')).allowed_addresses, []))
    const nic = await world.api('GET', '/v1/nics/spare')
    assert.deepEqual([nic.allowed_addresses, nic.addresses, nic.hosts, nic.dhcp_server, nic.enforcement], [['10.9.1.0/28'], ['10.9.0.5'], ['h1'], true, 'on'])
    // What stands in the way of a deletion is told, and the NIC goes first.
    await admin.go('/ui/networks', 'Networks')
    await page.getByRole('button', {name: 'Delete: net-9'}).click()
    await dialog.getByRole('button', {name: /^Review/}).click()
    await dialog.getByText('NIC spare', {exact: false}).or(dialog.getByText('nic spare')).first().waitFor()
    await page.keyboard.press('Escape')
    await admin.go('/ui/a/acme/nics/spare', 'spare')
    await page.getByRole('button', {name: 'Delete NIC'}).click()
    await reviewed(page, nothing, 'Delete')
    await page.getByRole('heading', {level: 1, name: 'NICs'}).waitFor()
    await admin.go('/ui/networks', 'Networks')
    await page.getByRole('button', {name: 'Delete: net-9'}).click()
    await reviewed(page, nothing, 'Delete')
    await page.getByText('net-9').waitFor({state: 'detached'})
    assert.deepEqual((await world.api('GET', '/v1/networks')).items.map((n) => n.id), ['net-1'])
  })

  test('an instance is made, renamed, given a group, and deleted', async () => {
    const {world, admin} = given()
    const {page} = admin
    const dialog = page.getByRole('dialog')
    await admin.go('/ui/a/acme/instances', 'Instances')
    for (const id of ['vm-1', 'vm-2']) {
      await page.getByRole('button', {name: 'New instance'}).click()
      await dialog.getByLabel('Instance ID').fill(id)
      await reviewed(page, nothing)
    }
    await page.getByRole('link', {name: 'vm-1'}).click()
    await page.getByRole('heading', {level: 1, name: 'vm-1'}).waitFor()
    await page.getByRole('button', {name: 'Rename'}).click()
    await dialog.getByLabel('Name').fill('front')
    await reviewed(page, nothing)
    await page.getByText('front').waitFor()
    await page.getByRole('button', {name: 'Attach a group'}).click()
    await dialog.getByLabel('Group').selectOption({label: 'web'})
    await reviewed(page, async () => assert.deepEqual((await world.api('GET', '/v1/accounts/acme/instances/vm-1/security-groups')).items, []))
    await page.getByRole('button', {name: 'Detach web'}).waitFor()
    assert.deepEqual((await world.api('GET', '/v1/accounts/acme/instances/vm-1/security-groups')).items.map((g) => g.name), ['web'])
    await page.getByRole('button', {name: 'Detach web'}).click()
    await reviewed(page, nothing, 'Delete')
    await page.getByText('No group is attached to it').waitFor()
    await admin.go('/ui/a/acme/instances/vm-2', 'vm-2')
    await page.getByRole('button', {name: 'Delete instance'}).click()
    await reviewed(page, nothing, 'Delete')
    await page.getByRole('heading', {level: 1, name: 'Instances'}).waitFor()
    assert.deepEqual((await world.api('GET', '/v1/accounts/acme/instances')).items.map((i) => [i.id, i.name]), [['vm-1', 'front']])
  })

  test('where a group acts, who may use it, and a rule that names another account’s group', async () => {
    const {world, admin} = given()
    const {page} = admin
    const dialog = page.getByRole('dialog')
    await world.api('PUT', '/v1/accounts/partner', {})
    await world.api('PUT', '/v1/accounts/acme/security-groups/scoped', {name: 'scoped'})
    const scoped = () => world.api('GET', '/v1/accounts/acme/security-groups/scoped')
    await admin.go('/ui/a/acme/groups/scoped?tab=settings', 'scoped')
    await page.getByLabel('Network scope').selectOption('listed')
    await page.getByLabel('Networks').fill('net-1')
    await page.getByRole('button', {name: /^Review/}).click()
    await page.getByText('What this change does').waitFor()
    assert.equal((await scoped()).network_scope, 'any')
    await page.getByRole('button', {name: 'Apply'}).click()
    await until('the scope', async () => (await scoped()).network_scope === 'listed')
    assert.deepEqual((await scoped()).networks, ['net-1'])
    await page.getByRole('button', {name: 'Share with an account'}).click()
    await dialog.getByLabel('Account').fill('partner')
    await reviewed(page, async () => assert.deepEqual((await scoped()).shares, []))
    assert.deepEqual((await scoped()).shares, [{account: 'partner', use: ['reference']}])
    await page.getByRole('button', {name: 'Edit: partner'}).click()
    await dialog.getByLabel('attach it to its NICs').check()
    await reviewed(page, nothing)
    assert.deepEqual((await scoped()).shares, [{account: 'partner', use: ['attach', 'reference']}])

    await admin.go('/ui/a/partner/groups/default', 'default')
    await page.getByRole('button', {name: 'Add rule'}).first().click()
    await dialog.getByLabel('Port range').fill('443')
    await dialog.getByLabel('Group', {exact: true}).selectOption({label: 'another account’s group…'})
    await dialog.getByLabel('Account/group').fill('acme/nothing')
    await dialog.getByRole('button', {name: /^Review/}).click()
    await dialog.locator('.fault').first().waitFor() // at its field
    await dialog.getByLabel('Account/group').fill('acme/scoped')
    await reviewed(page, nothing)
    const rules = (await world.api('GET', '/v1/accounts/partner/security-groups/default')).rules
    const rule = rules.find((r) => r.remote_group === 'acme/scoped')
    assert.ok(rule)
    await world.api('DELETE', `/v1/accounts/partner/security-groups/default/rules/${rule.id}`)
    // It is attached to a NIC of the account that it is shared with.
    await world.api('PUT', '/v1/nics/partner-1', {account: 'partner', network: 'net-1', mac: '02:00:00:00:0c:01', addresses: ['10.0.0.203']})
    await admin.go('/ui/a/partner/nics/partner-1', 'partner-1')
    await page.getByRole('button', {name: 'Attach a group'}).click()
    await dialog.getByLabel('Group').selectOption({label: 'acme/scoped'})
    await reviewed(page, async () => assert.deepEqual((await world.api('GET', '/v1/accounts/partner/nics/partner-1/security-groups')).items, []))
    await page.getByRole('button', {name: 'Detach acme/scoped'}).waitFor()
    assert.deepEqual((await world.api('GET', '/v1/accounts/partner/nics/partner-1/security-groups')).items.map((g) => g.id), ['acme/scoped'])
    await world.api('DELETE', '/v1/accounts/partner/nics/partner-1/security-groups/acme%2Fscoped')
    await world.api('DELETE', '/v1/nics/partner-1')
    await admin.go('/ui/a/acme/groups/scoped?tab=settings', 'scoped')
    await page.getByRole('button', {name: 'End the share: partner'}).click()
    await reviewed(page, nothing, 'Delete')
    assert.deepEqual((await scoped()).shares, [])
    await admin.go('/ui/a/acme/groups', 'Groups') // before it goes
    await world.api('DELETE', '/v1/accounts/acme/security-groups/scoped')
  })

  test('a file of rules outlives that its group has changed', async () => {
    const {world, admin} = given()
    const {page} = admin
    const dialog = page.getByRole('dialog')
    await world.api('PUT', '/v1/accounts/acme/security-groups/imported', {name: 'imported', default_rules: false})
    await admin.go('/ui/a/acme/groups/imported', 'imported')
    await page.getByRole('button', {name: 'Import rules'}).click()
    await dialog.getByLabel('or paste it here').fill('direction,protocol,ports,group,description\ningress,tcp,8443,web,from a file')
    await world.api('POST', '/v1/accounts/acme/security-groups/imported/rules', {direction: 'ingress', protocol: 'udp', port_min: 53, description: 'another’s'})
    await dialog.getByRole('button', {name: /^Review/}).click()
    await dialog.getByText('Somebody else changed this meanwhile').waitFor()
    await dialog.getByRole('listitem').filter({hasText: 'udp 53'}).filter({hasText: 'another’s'}).waitFor()
    await dialog.getByRole('button', {name: 'Keep my edits, on top of the new state'}).click()
    await dialog.getByText('Somebody else').waitFor({state: 'detached'})
    await reviewed(page, nothing)
    const rules = (await world.api('GET', '/v1/accounts/acme/security-groups/imported')).rules
    assert.deepEqual(rules.map((r) => r.description).sort(), ['another’s', 'from a file'])
    await admin.go('/ui/a/acme/groups', 'Groups') // before it goes
    await world.api('DELETE', '/v1/accounts/acme/security-groups/imported')
  })

  test('a list that ends before its end says so', async () => {
    const {admin} = given()
    const {page} = admin
    let asked = 0
    await page.route('**/ui/api/v1/accounts/acme/instances?*', (route) => {
      const items = Array.from({length: 1000}, (_, i) => ({id: `i-${asked}-${i}`, account: 'acme', name: '', nics: [], created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', revision: 1}))
      asked++
      return route.fulfill({json: {items, next_cursor: 'more', revision: 1}})
    })
    await admin.go('/ui/a/acme/instances', 'Instances')
    await page.getByText('Only the first 20,000 are shown').waitFor()
    assert.equal(asked, 20)
    await page.unroute('**/ui/api/v1/accounts/acme/instances?*')
  })

  test('what a host does not tell is not called nothing', async () => {
    const {admin} = given()
    const {page} = admin
    const hosts = [{host: 'h7', error: 'it does not answer', applied_revision: null, truncated: false}, {host: 'h8', error: '', applied_revision: 1, truncated: true}]
    for (const kind of ['drops', 'connections']) {
      await page.route(`**/ui/api/v1/accounts/acme/${kind}?*`, async (route) => {
        await new Promise((done) => setTimeout(done, 200)) // no busy loop
        await route.fulfill({json: {items: [], totals: [], rate: 0, until: '2026-01-01T00:00:00Z', hosts}}).catch(() => {})
      })
    }
    const told = async () => {
      await page.getByText('No answer from h7').waitFor()
      await page.getByText('There is more at h8').waitFor()
    }
    await admin.go('/ui/a/acme/live', 'Live')
    await told()
    await page.getByRole('tab', {name: /Connections/}).click()
    await told()
    await admin.go('/ui/a/acme/nics/web-1', 'web-1')
    await told()
    await page.unrouteAll({behavior: 'ignoreErrors'})
  })
}
