import {useEffect, useState} from 'react'
import {useLocation} from 'wouter'

import {accountPath, useWho} from '../api/account'
import {shell as t} from '../texts'
import {Dialog} from './Dialog'
import {CheckField} from './Field'
import {accountPages, platformPages} from './Shell'

const offKey = 'ringfence-shortcuts-off'

function storedOff(): boolean {
  try {
    return localStorage.getItem(offKey) !== null
  } catch {
    return false // storage is forbidden
  }
}

const typing = (e: EventTarget | null) => e instanceof HTMLElement && (e.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName))

/** "g" and a letter goes to a page, "/" to the search, "?" shows all that; who dictates may have single keys do nothing. */
export function Shortcuts({account}: {account: string | null}) {
  const {rights} = useWho()
  const [, go] = useLocation()
  const [help, setHelp] = useState(false)
  const [off, setOff] = useState(storedOff)
  const change = (on: boolean) => {
    setOff(!on)
    try {
      if (on) localStorage.removeItem(offKey)
      else localStorage.setItem(offKey, '')
    } catch {
      // not kept then
    }
  }
  const pages: [string, string, string][] = [
    ...(account ? accountPages.map(([p, , text, key]): [string, string, string] => [key, text, accountPath(account, p)]) : []),
    ...(rights.platform ? platformPages.map(([p, , text, key]): [string, string, string] => [key, text, p]) : []),
  ]

  useEffect(() => {
    let pending = 0
    const onKey = (e: KeyboardEvent) => {
      if (off || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('dialog[open]')) return
      if (Date.now() - pending < 1200) {
        pending = 0
        const page = pages.find(([key]) => key === e.key)
        if (page) {
          e.preventDefault()
          go(page[2])
        }
        return
      }
      if (e.key === 'g') pending = Date.now()
      else if (e.key === '?') setHelp(true)
      else if (e.key === '/') {
        const box = document.querySelector<HTMLInputElement>('[data-search]')
        if (box) {
          e.preventDefault()
          box.focus()
          box.select()
        }
      }
    }
    const onClick = (e: MouseEvent) => e.target instanceof Element && e.target.closest('[data-shortcuts]') && setHelp(true)
    document.addEventListener('keydown', onKey)
    document.addEventListener('click', onClick)
    return () => {
      document.removeEventListener('keydown', onKey)
      document.removeEventListener('click', onClick)
    }
  })

  if (!help) return null
  return (
    <Dialog title={t.shortcuts} onClose={() => setHelp(false)}>
      <CheckField label={t.shortcutsOn} checked={!off} onChange={(e) => change(e.target.checked)} />
      <dl className="keys">
        {pages.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>{t.shortcut.search}</dd>
        </div>
        <div>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>{t.shortcut.help}</dd>
        </div>
      </dl>
    </Dialog>
  )
}
