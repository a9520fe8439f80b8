import {useQuery, useQueryClient} from '@tanstack/react-query'
import {useEffect, useState} from 'react'

import {WhoProvider} from './api/account'
import {whenSignedOut} from './api/client'
import {useLost} from './api/online'
import {getSession, type Identity, type Session, signedInPage} from './api/session'
import {Loading} from './components/Layout'
import {ProblemNote} from './components/ProblemNote'
import {forgetDrafts} from './lib/draft'
import {Routes} from './routes'
import {SignedIn, SignIn, SignInAgain} from './pages/SignIn'

const isOther = (a: Identity, b: Identity) => a.name !== b.name || a.account !== b.account || a.role !== b.role

/** Who is there decides what there is: the sign-in, or the pages. */
export function App() {
  const queries = useQueryClient()
  // Another window may have signed in as somebody else: the cookie is of all windows.
  const session = useQuery({queryKey: ['session'], queryFn: getSession, staleTime: Infinity, refetchOnWindowFocus: 'always'})
  // Pages stay as they are, with what was typed, while somebody signs in again.
  const [expired, setExpired] = useState(false)
  const [shown, setShown] = useState<Identity | null>(null)
  const lost = useLost()

  useEffect(() => whenSignedOut(() => setExpired(true)), [])
  useEffect(() => {
    const now = session.data?.identity
    if (!now || expired) return
    if (shown && isOther(shown, now)) another()
    setShown(now)
  }, [session.data, expired])
  useEffect(() => {
    if (!lost) void queries.invalidateQueries()
  }, [lost, queries])

  /** What is here, and what was typed, is of somebody else. */
  const another = () => {
    forgetDrafts()
    queries.removeQueries({predicate: (q) => q.queryKey[0] !== 'session'})
  }
  const signedIn = (s: Session) => {
    const other = shown && s.identity && isOther(shown, s.identity)
    if (other) another()
    queries.setQueryData(['session'], s)
    setShown(s.identity)
    setExpired(false)
    if (!other) void queries.invalidateQueries({predicate: (q) => q.queryKey[0] !== 'session'})
  }
  const signedOut = () => {
    forgetDrafts()
    setShown(null)
    queries.clear()
    void session.refetch()
  }

  if (window.location.pathname === signedInPage && session.data?.identity) return <SignedIn />
  if (!session.data) return session.error ? <main className="alone"><ProblemNote error={session.error} onRetry={() => void session.refetch()} /></main> : <Loading />
  if (!shown) return session.data.identity && !expired ? <Loading /> : <SignIn session={session.data} onSignedIn={signedIn} />
  return (
    <WhoProvider identity={shown} version={session.data.version}>
      <Routes key={JSON.stringify(shown)} onSignedOut={signedOut} />
      {expired && <SignInAgain session={session.data} onSignedIn={signedIn} />}
    </WhoProvider>
  )
}
