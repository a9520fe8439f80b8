// What is looked at besides changing it: probes, cuts, pauses, cookies, filters,
// the last hour; and what becomes of a page whose server is gone.
import assert from 'node:assert/strict'
import {createServer} from 'node:http'
import {test} from 'node:test'

import {reviewed, Visitor} from './browser.mjs'
import {until} from './world.mjs'

const nothing = async () => {}

export function looks(given) {
  const groupOf = async (name) => (await given().world.api('GET', '/v1/accounts/acme/security-groups')).items.find((g) => g.name === name)

  test('a probe is sent from the page of a trace, if it is asked for', async () => {
    const {admin} = given()
    const {page} = admin
    await admin.go('/ui/a/acme/trace?from=web-1&to=db-1&proto=tcp&port=5432', 'Trace')
    await page.getByText('Allowed', {exact: true}).waitFor()
    assert.equal(await page.getByText('The packet was sent:').count(), 0)
    await page.getByText('More', {exact: true}).click()
    await page.getByLabel('Send the packet, too, once').check()
    await page.getByRole('button', {name: 'Trace', exact: true}).click()
    await page.getByText('The packet was sent:').waitFor()
    assert.match(await page.locator('.note', {hasText: 'The packet was sent:'}).innerText(), /allowed|passes|allow/i)
  })

  test('the dry run names the connections that a change would cut, and the change cuts them', async () => {
    const {world, admin} = given()
    const {page} = admin
    const db = await groupOf('db')
    await world.api('POST', `/v1/accounts/acme/security-groups/${db.id}/rules`, {direction: 'ingress', protocol: 'tcp', port_min: 5434, remote_group: (await groupOf('web')).id})
    world.run('db-1', 'busybox', 'nc', '-ll', '-p', '5434', '-e', 'cat')
    const open = async () => (await world.api('GET', '/v1/accounts/acme/connections?nic=db-1')).items.filter((c) => c.port === 5434)
    await until('a connection that stays', async () => {
      world.run('web-1', 'sh', '-c', 'sleep 600 | busybox nc -w 600 10.0.0.13 5434')
      return until('it', async () => (await open()).length > 0, 5)
    })
    await admin.go(`/ui/a/acme/groups/${db.id}`, 'db')
    await page.getByRole('row').filter({hasText: '5434'}).getByRole('button', {name: /Delete/}).click()
    await reviewed(page, async () => {
      await page.getByRole('dialog').getByText(/10\.0\.0\.11:\d+ → 10\.0\.0\.13 tcp 5434/).first().waitFor()
      assert.ok((await open()).length > 0, 'the dry run cut it')
    }, 'Delete')
    await until('it to be cut', async () => (await open()).length === 0)
  })

  test('the live page pauses, filters, and goes on where it was', async () => {
    const {world, admin} = given()
    const {page} = admin
    const row = (port) => page.getByRole('row').filter({hasText: `tcp ${port}`}).filter({hasText: 'no-rule'})
    await admin.go('/ui/a/acme/live', 'Live')
    await until('a drop', async () => {
      await world.connects('web-1', '10.0.0.13', 5901)
      return row(5901).first().isVisible()
    })
    await page.getByRole('button', {name: 'Pause'}).click()
    await page.getByText('Paused. What comes meanwhile is kept').waitFor()
    await until('a drop that the hosts tell of', async () => {
      await world.connects('web-1', '10.0.0.13', 5902)
      return (await world.api('GET', '/v1/accounts/acme/drops?wait=2s')).items.some((d) => d.port === 5902)
    })
    assert.equal(await row(5902).count(), 0)
    await page.getByRole('button', {name: 'Go on'}).click()
    await row(5902).first().waitFor()
    await page.getByRole('searchbox').fill('5902')
    await row(5901).first().waitFor({state: 'detached'})
    await page.getByRole('searchbox').fill('no such packet')
    await page.getByText('Nothing fits the filter.').waitFor()
    await page.getByRole('searchbox').fill('')
    await page.getByLabel('Direction').selectOption('egress')
    await row(5902).first().waitFor({state: 'detached'})
    await page.getByLabel('Direction').selectOption('')
    // The last hour, as the API knows it: over another visit, too.
    await page.reload()
    for (const name of [/^Drops: [1-9]/, /^New connections: [1-9]/, /^Hosts behind: \d/]) await page.getByRole('img', {name}).waitFor()
    const known = (await world.api('GET', '/v1/accounts/acme/activity')).points
    assert.ok(known.length < 120 && known.some((p) => p.connections > 0) && known.some((p) => p.drops > 0), JSON.stringify(known))
    await page.getByText(/of 60 min known/).first().waitFor() // the rest is a gap
  })

  test('a cookie is explained, and effective rules say where they come from', async () => {
    const {world, admin} = given()
    const {page} = admin
    const rule = (await groupOf('db')).rules.find((r) => r.port_min === 5432)
    const flow = (await world.api('GET', `/v1/accounts/acme/flows?rule=${rule.id}&limit=1000`)).items.find((f) => f.kind === 'rule')
    await admin.go('/ui/hosts/h1', 'h1')
    await page.getByLabel('Of account').selectOption('acme')
    await page.getByLabel('Explain a cookie').fill('0xnothing')
    await page.getByText('is 0x and up to 16 hexadecimal digits').waitFor()
    await page.getByLabel('Explain a cookie').fill('0x5247060000000010')
    await page.getByText('No flow of acme here has this cookie.').waitFor()
    await page.getByLabel('Explain a cookie').fill(flow.cookie)
    await page.locator('.note.accent', {hasText: rule.id}).filter({hasText: flow.cookie}).waitFor()
    await admin.go('/ui/a/acme/nics/db-1', 'db-1')
    const effective = page.getByRole('region', {name: 'Effective rules'}).getByRole('row').filter({hasText: '5432'})
    await effective.getByRole('link', {name: 'db'}).waitFor()
    assert.match(await effective.innerText(), /ingress[\s\S]*web[\s\S]*db/)
  })

  test('groups are found by what they are and what they let in, the matrix and the graph by service', async () => {
    const {admin} = given()
    const {page} = admin
    const group = (name) => page.getByRole('main').getByRole('link', {name, exact: true})
    await admin.go('/ui/a/acme/groups', 'Groups')
    await group('web').waitFor()
    await page.getByRole('searchbox').fill('5432')
    await group('web').waitFor({state: 'detached'})
    await group('db').waitFor()
    await page.getByRole('searchbox').fill('no such group')
    await group('db').waitFor({state: 'detached'})
    for (const view of ['graph', 'matrix']) {
      await admin.go(`/ui/a/acme/connectivity?view=${view}`, 'Who talks to whom')
      const cell = page.getByRole('button', {name: /web → db/}).first()
      await cell.waitFor()
      await page.getByLabel('Service').fill('tcp 5432')
      await cell.waitFor()
      await page.getByLabel('Service').fill('udp 9')
      await cell.waitFor({state: 'detached'})
    }
  })

  test('the graph and the matrix show one direction, and one network, if that is asked for', async () => {
    const {world, admin} = given()
    const {page} = admin
    const web = await groupOf('web')
    await world.api('PUT', '/v1/networks/net-2', {type: 'flat', prefixes: ['10.1.0.0/24']})
    await world.api('PUT', '/v1/nics/aside', {account: 'acme', network: 'net-2', mac: '02:00:00:00:00:2a', addresses: ['10.1.0.9']})
    await world.api('PUT', `/v1/accounts/acme/nics/aside/security-groups/${web.id}`)
    const rule = await world.api('POST', `/v1/accounts/acme/security-groups/${web.id}/rules`, {direction: 'egress', protocol: 'udp', port_min: 514, remote_cidr: '192.0.2.0/24'})
    try {
      for (const view of ['graph', 'matrix']) {
        await admin.go(`/ui/a/acme/connectivity?view=${view}&observed=0`, 'Who talks to whom')
        const [inward, outward] = [page.getByRole('button', {name: /web → db/}), page.getByRole('button', {name: /web → 192\.0\.2\.0\/24/})]
        await inward.first().waitFor()
        await outward.first().waitFor()
        await page.getByLabel('Rules', {exact: true}).selectOption('egress')
        await inward.first().waitFor({state: 'detached'})
        await outward.first().waitFor()
        await page.getByLabel('Rules', {exact: true}).selectOption('ingress')
        await outward.first().waitFor({state: 'detached'})
        await inward.first().waitFor()
        await page.getByLabel('Rules', {exact: true}).selectOption('')
        await page.getByLabel('Network', {exact: true}).selectOption('net-2') // where db has no NIC
        await inward.first().waitFor({state: 'detached'})
        await outward.first().waitFor()
        await page.getByLabel('Network', {exact: true}).selectOption('net-1')
        await inward.first().waitFor()
        assert.match(page.url(), /network=net-1/) // so that it can be sent
      }
      await page.getByRole('button', {name: /web → db/}).first().click()
      await page.getByRole('complementary', {name: /web → db/}).waitFor()
    } finally {
      await world.api('DELETE', `/v1/accounts/acme/security-groups/${web.id}/rules/${rule.id}`)
      await world.api('DELETE', '/v1/nics/aside')
      await world.api('DELETE', '/v1/networks/net-2')
    }
  })

  test('a neighbouring host plants no session', async () => {
    const {world, browser} = given()
    const [ours, other] = ['http://console.ring.localhost:8080', 'http://evil.ring.localhost:9997']
    const evil = createServer((_, answer) => answer.writeHead(200, {'Content-Type': 'text/html'}).end('<!doctype html><title>evil</title>'))
    await new Promise((done) => evil.listen(9997, '127.0.0.1', done))
    // A proxy that ends TLS says so; to a browser *.localhost is as safe as TLS.
    const context = await browser.newContext({extraHTTPHeaders: {'X-Forwarded-Proto': 'https'}})
    context.setDefaultTimeout(60_000)
    try {
      await world.grant('planted', 'bolt', 'member', 'attacker')
      const page = await context.newPage()
      await page.goto(`${other}/`)
      await page.evaluate((value) => {
        for (const name of ['ringfence', '__Secure-ringfence', '__Host-ringfence']) for (const rest of ['Path=/', 'Path=/ui/', 'Path=/ui/; Secure', 'Path=/; Secure']) document.cookie = `${name}=${value}; Domain=ring.localhost; ${rest}`
      }, Buffer.from('planted').toString('base64url'))
      assert.ok((await context.cookies(ours)).some((c) => c.name === 'ringfence'), 'nothing is planted: the test is none')
      await page.goto(`${ours}/ui/`)
      await page.getByLabel('API token').fill(world.token)
      await page.getByRole('button', {name: 'Sign in', exact: true}).click()
      await page.getByRole('button', {name: 'Sign out'}).waitFor()
      const cookie = (await context.cookies(ours)).find((c) => c.name === '__Host-ringfence')
      assert.deepEqual([cookie.domain, cookie.path, cookie.secure, cookie.httpOnly, cookie.sameSite], ['console.ring.localhost', '/', true, true, 'Strict'])
    } finally {
      await context.close()
      await new Promise((done) => evil.close(done))
    }
  })
}

/** Last, for nothing is plugged anew. */
export function lost(given) {
  test('a server that is gone is said to be, nothing that was typed is lost, and the page goes on when it is back', async () => {
    const {world, admin, browser} = given()
    await admin.page.goto('about:blank')
    const person = await Visitor.come(browser)
    const {page} = person
    await person.signIn(world.token, '/ui/a/acme/groups')
    await page.getByRole('button', {name: 'New group'}).first().click()
    const name = page.getByRole('dialog').getByLabel('Name', {exact: true})
    await name.fill('typed-before')
    await world.kill()
    await page.locator('.banner', {hasText: 'The server does not answer.'}).waitFor()
    await page.getByRole('dialog').getByRole('button', {name: /^Review/}).click()
    await page.getByRole('dialog').getByRole('alert').first().waitFor()
    assert.equal(await name.inputValue(), 'typed-before')
    await name.fill('typed-meanwhile')
    await world.revive()
    await page.locator('.banner', {hasText: 'The server does not answer.'}).waitFor({state: 'detached'})
    assert.equal(await name.inputValue(), 'typed-meanwhile')
    await reviewed(page, nothing)
    await until('the group', async () => (await world.api('GET', '/v1/accounts/acme/security-groups')).items.some((g) => g.name === 'typed-meanwhile'))
    await page.getByText('Live', {exact: true}).first().waitFor()
    await person.leave(/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_NETWORK|status of 50\d/)
  })
}
