// Debian's Chromium, with everything that it says and asks for on record.
import assert from 'node:assert/strict'
import {mkdir, readFile} from 'node:fs/promises'
import {chromium} from 'playwright-core'

import {origin} from './world.mjs'

const output = new URL('../test-output/', import.meta.url).pathname
const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

export const start = async () => {
  await mkdir(output, {recursive: true})
  return chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']})
}

/** reviewed makes a change that its form has: the dry run is seen before anything is changed. */
export async function reviewed(page, unchanged, button = 'Apply') {
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', {name: /^Review/}).click()
  await dialog.getByText('What this change does').waitFor()
  await unchanged()
  const seen = await dialog.innerText()
  await dialog.getByRole('button', {name: button}).click()
  await dialog.waitFor({state: 'detached'})
  return seen
}

/** Visitor is one person at a browser of their own. */
export class Visitor {
  static async come(browser) {
    const v = new Visitor()
    v.context = await browser.newContext({viewport: {width: 1280, height: 800}, locale: 'en-GB', timezoneId: 'Europe/Berlin', colorScheme: 'light', reducedMotion: 'reduce'})
    v.context.setDefaultTimeout(60_000) // however slow the machine is
    v.faults = []
    v.violations = []
    v.page = await v.context.newPage()
    v.page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type())) v.faults.push(`console: ${m.text()} (${m.location().url})`)
    })
    v.page.on('pageerror', (e) => v.faults.push(`error: ${e.stack ?? e}`))
    v.page.on('request', (r) => {
      const url = r.url()
      if (!url.startsWith(`${origin}/ui/`) && !url.startsWith('data:') && !(v.elsewhere && url.startsWith(v.elsewhere) && r.isNavigationRequest())) v.faults.push(`request to elsewhere: ${url}`)
      if (/secret|token|eyJ/.test(url)) v.faults.push(`a token in an address: ${url}`)
    })
    return v
  }

  /** The one place besides the console at which the visitor may look at a page. */
  elsewhere = ''

  async signIn(token, path = '/ui/') {
    await this.page.goto(origin + path)
    await this.page.getByLabel('API token').fill(token)
    await this.page.getByRole('button', {name: 'Sign in', exact: true}).click()
    await this.page.getByRole('button', {name: 'Sign out'}).waitFor()
  }

  async go(path, heading) {
    await this.page.goto(origin + path)
    if (heading) await this.page.getByRole('heading', {level: 1, name: heading}).waitFor()
  }

  /** settle waits until the page has what it shows, and has drawn it. */
  async settle() {
    await this.page.waitForFunction(() => !document.querySelector('.loading'))
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)))))
  }

  /** pictures of the page as it is, wide, dark and narrow; what axe finds in them is kept. */
  async pictures(name) {
    for (const [kind, colorScheme, width, height] of [['light', 'light', 1280, 800], ['dark', 'dark', 1280, 800], ['narrow', 'light', 390, 844]]) {
      await this.page.setViewportSize({width, height})
      await this.page.mouse.move(width - 1, height - 1) // over nothing
      await this.page.emulateMedia({colorScheme, reducedMotion: 'reduce'})
      await this.settle()
      await this.page.screenshot({path: `${output}${name}-${kind}.png`, fullPage: kind !== 'dark'})
      const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      if (wider > 0) this.violations.push(`${name} ${kind}: ${wider} pixels wider than the window`)
      this.violations.push(...(await this.axe()).map((v) => `${name} ${kind}: ${v}`))
    }
    await this.page.setViewportSize({width: 1280, height: 800})
    await this.page.emulateMedia({colorScheme: 'light', reducedMotion: 'reduce'})
  }

  async picture(name) {
    await this.settle()
    await this.page.screenshot({path: `${output}${name}.png`})
  }

  /** axe looks for violations of WCAG 2.2 AA. */
  async axe() {
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(axe)
    return this.page.evaluate(async () => {
      const {violations} = await window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
      return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target.join(' ')} (${n.failureSummary?.split('\n')[1]?.trim()})`).slice(0, 3).join('; ')}`)
    })
  }

  /** leave ends the visit. Nothing may have gone wrong, apart from what is expected. */
  async leave(...expected) {
    await this.context.close()
    assert.deepEqual(this.faults.filter((f) => !expected.some((e) => e.test(f))), [])
  }
}
