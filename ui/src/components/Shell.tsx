import {type ReactNode, useState} from 'react'
import {Link, useLocation} from 'wouter'

import {accountPath, useWho} from '../api/account'
import {useLost} from '../api/online'
import {useAccounts} from '../api/queries'
import {signOut} from '../api/session'
import {common, shell as t} from '../texts'
import {ErrorBoundary} from './ErrorBoundary'
import {Icon, type IconName} from './Icon'
import {Mark} from './Mark'
import {Shortcuts} from './Shortcuts'
import {ThemeSwitch} from './Theme'

/** Pages of an account: path, icon, text, and the key after "g" that goes there. */
export const accountPages: [string, IconName, string, string][] = [
  ['', 'overview', t.overview, 'o'],
  ['groups', 'groups', t.groups, 'g'],
  ['nics', 'nics', t.nics, 'n'],
  ['instances', 'instances', t.instances, 'i'],
  ['connectivity', 'connectivity', t.connectivity, 'w'],
  ['trace', 'trace', t.trace, 't'],
  ['live', 'live', t.live, 'l'],
  ['changes', 'history', t.history, 'c'],
]

export const platformPages: [string, IconName, string, string][] = [
  ['/hosts', 'hosts', t.hosts, 'h'],
  ['/networks', 'networks', t.networks, 'e'],
  ['/accounts', 'accounts', t.accounts, 'a'],
]

interface Props {
  account: string | null
  children: ReactNode
  onSignedOut: () => void
}

export function Shell({account, children, onSignedOut}: Props) {
  const {rights} = useWho()
  const [location] = useLocation()
  const [open, setOpen] = useState(false)
  return (
    <div className={`shell ${open ? 'nav-open' : ''}`}>
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <header className="topbar">
        <button className="quiet icon" onClick={() => setOpen(!open)} aria-expanded={open} aria-controls="nav" aria-label={t.menu}>
          <Icon name="menu" />
        </button>
        <span className="brand">
          <Mark /> {common.product}
        </span>
      </header>
      <nav id="nav" className="sidebar" aria-label={common.product} onClick={() => setOpen(false)}>
        <p className="brand">
          <Mark /> {common.product}
        </p>
        <AccountSwitch account={account} />
        {account && <NavList pages={accountPages.map(([p, i, text]) => [accountPath(account, p), i, text])} />}
        {rights.platform && (
          <>
            <p className="nav-title">{t.platform}</p>
            <NavList pages={platformPages.map(([p, i, text]) => [p, i, text])} />
          </>
        )}
        <SidebarFoot onSignedOut={onSignedOut} />
      </nav>
      <main id="content" tabIndex={-1}>
        <LostBanner />
        <ErrorBoundary page={location}>{children}</ErrorBoundary>
      </main>
      <Shortcuts account={account} />
    </div>
  )
}

function NavList({pages}: {pages: [string, IconName, string][]}) {
  const [location] = useLocation()
  // The longest path that the place begins with is where we are.
  const here = pages.map(([p]) => p).filter((p) => location === p || location.startsWith(`${p}/`)).sort((a, b) => b.length - a.length)[0]
  return (
    <ul className="nav">
      {pages.map(([path, icon, text]) => (
        <li key={path}>
          <Link href={path} aria-current={path === here ? 'page' : undefined}>
            <Icon name={icon} />
            {text}
          </Link>
        </li>
      ))}
    </ul>
  )
}

function AccountSwitch({account}: {account: string | null}) {
  const {rights, identity} = useWho()
  const accounts = useAccounts(rights.platform)
  const [location, go] = useLocation()
  if (!rights.platform) return <p className="account-name" title={t.account}>{identity.account}</p>
  const list = accounts.data ?? []
  // The same page of the other account, without what is of this one's.
  const page = accountPages.find(([p]) => p && location.startsWith(accountPath(account ?? '', p)))?.[0] ?? ''
  return (
    <label className="account-switch" onClick={(e) => e.stopPropagation()}>
      <span className="visually-hidden">{t.account}</span>
      <select value={account ?? ''} onChange={(e) => e.target.value && go(accountPath(e.target.value, page))}>
        {(!account || !list.some((a) => a.id === account)) && <option value={account ?? ''}>{account ?? t.chooseAccount}</option>}
        {list.map((a) => (
          <option key={a.id}>{a.id}</option>
        ))}
      </select>
    </label>
  )
}

function SidebarFoot({onSignedOut}: {onSignedOut: () => void}) {
  const {identity, version} = useWho()
  return (
    <div className="sidebar-foot">
      <p className="who">
        <span>{identity.name}</span>
        <span className="dim small">{t.roleOf(identity.role, identity.account)}</span>
      </p>
      <div className="foot-row">
        <ThemeSwitch />
        <Link className="button quiet icon" href="/licences" aria-label={t.licences} title={t.licences}>
          <Icon name="licences" />
        </Link>
        <button className="quiet icon" data-shortcuts aria-label={t.help} title={`${t.help} (?)`}>
          <Icon name="help" />
        </button>
        <button
          className="quiet icon" aria-label={t.signOut} title={t.signOut}
          onClick={() => void signOut().then(onSignedOut, onSignedOut)}
        >
          <Icon name="out" />
        </button>
        <span className="version dim small" title={version}>
          {version}
        </span>
      </div>
    </div>
  )
}

function LostBanner() {
  const lost = useLost()
  return (
    <div role="status" aria-live="polite">
      {lost && (
        <p className="banner">
          <Icon name="warn" /> {common.lost}
        </p>
      )}
    </div>
  )
}
