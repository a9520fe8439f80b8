// Names that are scripts, and a person without a mouse.
import assert from 'node:assert/strict'
import {test} from 'node:test'

import {Visitor} from './browser.mjs'
import {origin} from './world.mjs'

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
