import {useQuery, useQueryClient} from '@tanstack/react-query'
import {useEffect, useState} from 'react'

import {WhoProvider} from './api/account'
import {whenSignedOut} from './api/client'
import {useLost} from './api/online'
import {getSession, type Identity, type Session, signedInPage} from './api/session'
import {Loading} from './components/Layout'
import {ProblemNote} from './components/ProblemNote'
import {Routes} from './routes'
import {SignedIn, SignIn, SignInAgain} from './pages/SignIn'

/** Who is there decides what there is: the sign-in, or the pages. */
export function App() {
  const queries = useQueryClient()
  const session = useQuery({queryKey: ['session'], queryFn: getSession, staleTime: Infinity})
  // Pages stay as they are, with what was typed, while somebody signs in again.
  const [expired, setExpired] = useState(false)
  const [shown, setShown] = useState<Identity | null>(null)
  const lost = useLost()

  useEffect(() => whenSignedOut(() => setExpired(true)), [])
  useEffect(() => {
    if (session.data?.identity && !expired) setShown(session.data.identity)
  }, [session.data, expired])
  useEffect(() => {
    if (!lost) void queries.invalidateQueries()
  }, [lost, queries])

  const signedIn = (s: Session) => {
    const other = shown && s.identity && (shown.name !== s.identity.name || shown.account !== s.identity.account)
    if (other) queries.clear()
    queries.setQueryData(['session'], s)
    setShown(s.identity)
    setExpired(false)
    if (!other) void queries.invalidateQueries({predicate: (q) => q.queryKey[0] !== 'session'})
  }
  const signedOut = () => {
    setShown(null)
    queries.clear()
    void session.refetch()
  }

  if (window.location.pathname === signedInPage && session.data?.identity) return <SignedIn />
  if (!session.data) return session.error ? <main className="alone"><ProblemNote error={session.error} onRetry={() => void session.refetch()} /></main> : <Loading />
  if (!shown) return session.data.identity && !expired ? <Loading /> : <SignIn session={session.data} onSignedIn={signedIn} />
  return (
    <WhoProvider identity={shown} version={session.data.version}>
      <Routes onSignedOut={signedOut} />
      {expired && <SignInAgain session={session.data} onSignedIn={signedIn} />}
    </WhoProvider>
  )
}
