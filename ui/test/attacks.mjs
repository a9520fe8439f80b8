// Names that are scripts, and a person without a mouse.
import assert from 'node:assert/strict'
import {test} from 'node:test'

import {Visitor} from './browser.mjs'
import {origin, until} from './world.mjs'

const evil = '"><img src=x onerror=window.hit=1><script>window.hit=1</script>javascript:{{7*7}}'

export function attacks(given) {
  test('names and descriptions are text, whatever they say', async () => {
    const {world, browser} = given()
    await world.api('PUT', '/v1/accounts/evil', {})
    await world.api('PUT', '/v1/accounts/evil/security-groups/g1', {name: evil, description: evil, tags: {[`a${evil}`.slice(0, 100)]: evil}, default_rules: false})
    await world.api('POST', '/v1/accounts/evil/security-groups/g1/rules', {direction: 'ingress', protocol: 'tcp', port_min: 80, remote_group: 'g1', description: evil})
    await world.api('PUT', '/v1/accounts/evil/instances/i1', {name: evil})
    await world.api('PUT', '/v1/nics/evil-1', {account: 'evil', network: 'net-1', mac: '02:00:00:00:0e:01', addresses: ['10.0.0.202'], instance: 'i1'})
    await world.api('PUT', '/v1/accounts/evil/nics/evil-1/security-groups/g1')
    const person = await Visitor.come(browser)
    const {page} = person
    await person.signIn(world.token)
    for (const path of ['', '/groups/g1', '/groups/g1?tab=settings', '/nics/evil-1', '/instances/i1', '/connectivity', '/connectivity?view=matrix', '/changes', '/trace?from=evil-1&to=evil-1&proto=tcp&port=81',
      `/live?tab=${encodeURIComponent(evil)}`, `/trace?from=${encodeURIComponent(evil)}&to=${encodeURIComponent(evil)}`, `/connectivity?focus=${encodeURIComponent(evil)}&service=${encodeURIComponent(evil)}`, `/nics/${encodeURIComponent(evil)}`]) {
      await page.goto(`${origin}/ui/a/evil${path}`)
      await person.settle()
      assert.equal(await page.evaluate(() => window.hit), undefined, `a script ran at ${path}`)
      assert.equal(await page.locator('img[src=x]').count(), 0, path)
    }
    await page.goto(`${origin}/ui/sign-in?fault=${encodeURIComponent(evil)}&then=javascript:window.hit=1`)
    await person.settle()
    assert.equal(await page.evaluate(() => window.hit), undefined)
    await page.goto(`${origin}/ui/a/evil/groups`)
    await page.getByRole('link', {name: evil, exact: true}).waitFor()
    await person.leave(/status of (400|404|422)/)
    await world.api('DELETE', '/v1/nics/evil-1')
  })

  test('a session that somebody else began is none, and a sign-in ends the one before', async () => {
    const {world, browser} = given()
    const person = await Visitor.come(browser)
    const {page} = person
    const session = () => page.evaluate(() => fetch('/ui/session', {headers: {'X-Ringfence-Console': '1'}}).then((a) => a.json()).then((s) => s.identity))
    await person.context.addCookies([{name: 'ringfence', value: 'bm9ib2R5', domain: '127.0.0.1', path: '/ui/'}])
    await person.go('/ui/', 'Sign in')
    assert.equal(await session(), null)
    await world.grant('bolt-fixed', 'bolt', 'member', 'attacker')
    await person.context.addCookies([{name: 'ringfence', value: Buffer.from('bolt-fixed').toString('base64url'), domain: '127.0.0.1', path: '/ui/'}])
    await person.context.clearCookies()
    await person.signIn(world.token)
    const [cookie, ...more] = await person.context.cookies()
    assert.deepEqual([Buffer.from(cookie.value, 'base64url').toString(), more.length], [world.token, 0])
    assert.equal((await session()).account, '*')
    await person.leave()
  })

  test('an address that is badly written takes no page down', async () => {
    const {world, browser} = given()
    const person = await Visitor.come(browser)
    const {page} = person
    await person.signIn(world.token)
    for (const path of ['/ui/a/%25zz', '/ui/a/%25zz/groups', '/ui/a/acme/groups/%25e0%25a4', '/ui/a/acme/nics/%25', '/ui/hosts/%25', '/ui/a//', '/ui/%25', '/ui/a/acme/trace?from=%25zz', '/ui//evil.example/']) {
      await page.goto(origin + path)
      await page.getByRole('button', {name: 'Sign out'}).waitFor()
      assert.equal(new URL(page.url()).origin, origin)
    }
    await person.leave(/status of (400|404|422)/)
  })

  test('who signs in at another window is who all windows are of, and nobody finds what somebody else typed', async () => {
    const {world, browser} = given()
    await world.grant('bolt-two', 'bolt', 'viewer', 'bolt-two')
    const person = await Visitor.come(browser)
    const {page} = person
    await person.signIn(world.token, '/ui/a/acme/groups')
    await page.getByRole('button', {name: 'New group'}).first().click()
    await page.getByRole('dialog').getByLabel('Name', {exact: true}).fill('of the admin alone')
    const kept = () => page.evaluate(() => JSON.stringify({...sessionStorage}))
    await until('it to be kept', async () => (await kept()).includes('of the admin alone'))
    const other = await person.context.newPage()
    await other.goto(`${origin}/ui/a/acme`)
    await other.getByRole('button', {name: 'Sign out'}).click()
    await other.getByLabel('API token').fill('bolt-two')
    await other.getByRole('button', {name: 'Sign in', exact: true}).click()
    await other.getByRole('button', {name: 'Sign out'}).waitFor()
    await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange'))) // as when somebody comes back to it
    await page.getByText('bolt-two', {exact: true}).waitFor()
    assert.ok(!(await kept()).includes('of the admin'), await kept())
    await page.getByRole('dialog').waitFor({state: 'detached'})
    assert.ok(!/web-1|db-1/.test(await page.locator('body').innerText()))
    await person.leave(/status of (401|403|404)/) // what the page asked before it knew
  })

  test('at 200 and at 400 % nothing is cut off, and whoever dictates may have single keys do nothing', async () => {
    const {world, browser} = given()
    const person = await Visitor.come(browser)
    const {page} = person
    await person.signIn(world.token)
    const db = (await world.api('GET', '/v1/accounts/acme/security-groups')).items.find((g) => g.name === 'db')
    for (const [width, height] of [[640, 400], [320, 256]]) {
      await page.setViewportSize({width, height})
      for (const path of ['/accounts', '/hosts', '/hosts/h1', '/networks', '/a/acme', '/a/acme/groups', `/a/acme/groups/${db.id}`, `/a/acme/groups/${db.id}?tab=settings`, '/a/acme/nics/db-1', '/a/acme/connectivity', '/a/acme/connectivity?view=matrix', '/a/acme/trace?from=web-1&to=db-1&proto=tcp&port=1', '/a/acme/live', '/a/acme/changes']) {
        await page.goto(`${origin}/ui${path}`)
        await page.getByRole('heading', {level: 1}).waitFor()
        await person.settle()
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        assert.ok(wider <= 0, `${path} at ${width}: ${wider} pixels wider than the window`)
      }
    }
    await page.setViewportSize({width: 1280, height: 800})
    await page.goto(`${origin}/ui/a/acme/groups`)
    await page.getByRole('heading', {level: 1, name: 'Groups'}).waitFor()
    assert.equal(await page.title(), 'Groups · Ringfence')
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByLabel('Single keys do this').uncheck()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({state: 'detached'})
    for (const key of ['?', 'g', 'i']) await page.keyboard.press(key)
    await person.settle()
    assert.equal(await page.getByRole('dialog').count(), 0)
    await page.getByRole('heading', {level: 1, name: 'Groups'}).waitFor()
    await person.leave()
  })

  test('everything is done without a mouse', async () => {
    const {world, browser} = given()
    await world.api('PUT', '/v1/accounts/keys/security-groups/served', {name: 'served'})
    await world.api('POST', '/v1/accounts/keys/security-groups/served/rules', {direction: 'ingress', protocol: 'tcp', port_min: 80, remote_group: 'default'})
    const person = await Visitor.come(browser)
    const {page} = person
    const focused = () => page.evaluate(() => (document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent).trim())
    /** tab goes on until what has the focus is called so, which is in sight then. */
    const tab = async (name, limit = 60) => {
      for (let i = 0; i < limit; i++) {
        if (name.test(await focused())) {
          const seen = await page.evaluate(() => {
            const r = document.activeElement.getBoundingClientRect()
            const drawn = document.activeElement.querySelector(':scope > .line, :scope > rect') // of the graph: an edge or a node
            const s = getComputedStyle(document.activeElement)
            return r.width + r.height > 0 && (drawn ? parseFloat(getComputedStyle(drawn).strokeWidth) >= 2.5 : s.outlineStyle !== 'none' || s.boxShadow !== 'none')
          })
          assert.ok(seen, `the focus is not to be seen at ${name}`)
          return
        }
        await page.keyboard.press('Tab')
      }
      throw new Error(`no way to ${name} by the Tab key`)
    }
    await page.goto(`${origin}/ui/a/keys/groups`)
    await page.getByLabel('API token').waitFor()
    await tab(/API token/)
    await page.keyboard.type(world.token)
    await page.keyboard.press('Enter')
    await page.getByRole('button', {name: 'New group'}).first().waitFor()
    await tab(/^New group/)
    await page.keyboard.press('Enter')
    await tab(/^Name/)
    await page.keyboard.type('typed')
    await page.keyboard.press('Enter')
    await page.getByText('What this change does').waitFor()
    await tab(/^Apply$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', {level: 1, name: 'typed'}).waitFor()
    await page.getByRole('dialog').waitFor({state: 'detached'})
    await tab(/^Settings$/)
    await page.keyboard.press('Enter')
    await page.getByLabel('Network scope').waitFor()
    await page.evaluate(() => document.activeElement.blur())
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await page.getByRole('heading', {level: 1, name: 'Instances'}).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('w')
    await page.getByRole('heading', {level: 1, name: 'Who talks to whom'}).waitFor()
    await page.getByRole('group', {name: /Groups as boxes/}).waitFor()
    await tab(/default → served/, 120)
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', {name: /default → served/}).waitFor()
    await person.leave()
  })
}
