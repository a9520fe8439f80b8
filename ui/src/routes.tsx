import {useEffect, useRef} from 'react'
import {Redirect, Route, Switch, useLocation} from 'wouter'

import {AccountProvider, accountPath, useWho} from './api/account'
import {LiveProvider} from './api/live'
import {Empty, PageHead} from './components/Layout'
import {Notices} from './components/Notices'
import {PlatformScope} from './components/PlatformScope'
import {Shell} from './components/Shell'
import {Accounts} from './pages/Accounts'
import {Changes} from './pages/Changes'
import {Connectivity} from './pages/Connectivity'
import {GroupPage} from './pages/Group'
import {Groups} from './pages/Groups'
import {HostPage} from './pages/Host'
import {Hosts} from './pages/Hosts'
import {InstancePage} from './pages/Instance'
import {Instances} from './pages/Instances'
import {Licences} from './pages/Licences'
import {LivePage} from './pages/Live'
import {Networks} from './pages/Networks'
import {NICPage} from './pages/NIC'
import {NICs} from './pages/NICs'
import {Overview} from './pages/Overview'
import {TracePage} from './pages/Trace'
import {common} from './texts'

/** A part of a path as it was meant; one that is badly written is taken as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function Routes({onSignedOut}: {onSignedOut: () => void}) {
  const {rights, identity} = useWho()
  const [location] = useLocation()
  const account = /^\/a\/([^/]+)/.exec(location)?.[1]
  const current = account ? decoded(account) : rights.platform ? null : identity.account
  return (
    <Shell account={current} onSignedOut={onSignedOut}>
      <Switch>
        <Route path="/">{rights.platform ? <Redirect to="/accounts" replace /> : <Redirect to={accountPath(identity.account, '')} replace />}</Route>
        <Route path="/a/:account/*?">
          {(p) => {
            const id = decoded(p.account)
            return (
              <AccountProvider key={id} account={id}>
                <LiveProvider account={id}>
                  <AccountRoutes />
                </LiveProvider>
              </AccountProvider>
            )
          }}
        </Route>
        {rights.platform && <Route path="/accounts">{() => <PlatformScope><Accounts /></PlatformScope>}</Route>}
        {rights.platform && <Route path="/hosts" component={Hosts} />}
        {rights.platform && <Route path="/hosts/:host">{(p) => <HostPage id={decoded(p.host)} />}</Route>}
        {rights.platform && <Route path="/networks">{() => <PlatformScope><Networks /></PlatformScope>}</Route>}
        <Route path="/sign-in">{() => <Redirect to="/" replace />}</Route>
        <Route path="/licences" component={Licences} />
        <Route component={NotFound} />
      </Switch>
      <ScrollUp />
      <Notices />
    </Shell>
  )
}

function AccountRoutes() {
  return (
    <Switch>
      <Route path="/a/:account" component={Overview} />
      <Route path="/a/:account/groups" component={Groups} />
      <Route path="/a/:account/groups/:group">{(p) => <GroupPage key={p.group} id={decoded(p.group)} />}</Route>
      <Route path="/a/:account/nics" component={NICs} />
      <Route path="/a/:account/nics/:nic">{(p) => <NICPage key={p.nic} id={decoded(p.nic)} />}</Route>
      <Route path="/a/:account/instances" component={Instances} />
      <Route path="/a/:account/instances/:instance">{(p) => <InstancePage key={p.instance} id={decoded(p.instance)} />}</Route>
      <Route path="/a/:account/connectivity" component={Connectivity} />
      <Route path="/a/:account/trace" component={TracePage} />
      <Route path="/a/:account/live" component={LivePage} />
      <Route path="/a/:account/changes" component={Changes} />
      <Route component={NotFound} />
    </Switch>
  )
}

function NotFound() {
  return (
    <>
      <PageHead title={common.notThere} />
      <Empty title={common.notThereHint} />
    </>
  )
}

/** Another page begins at its top; what had the focus and is gone leaves it to the page. */
function ScrollUp() {
  const [location] = useLocation()
  const before = useRef(location)
  useEffect(() => {
    if (before.current === location) return
    before.current = location
    window.scrollTo(0, 0)
    if (document.activeElement === document.body) document.getElementById('content')?.focus({preventScroll: true})
  }, [location])
  return null
}
