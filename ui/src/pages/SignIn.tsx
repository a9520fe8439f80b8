import {type FormEvent, useEffect, useState} from 'react'

import {isStatus} from '../api/problem'
import {beginSignIn, getSession, type Issuer, type Session, signedInChannel, signedInPage, signIn, signInPage} from '../api/session'
import {Copy} from '../components/Copy'
import {Dialog} from '../components/Dialog'
import {TextField} from '../components/Field'
import {Mark} from '../components/Mark'
import {ProblemNote} from '../components/ProblemNote'
import {common, signIn as t} from '../texts'

interface Props {
  session: Session
  onSignedIn: (s: Session) => void
}

export function SignIn({session, onSignedIn}: Props) {
  const {token_file: file, issuer} = session.sign_in
  const query = new URLSearchParams(window.location.search)
  const back = window.location.pathname === signInPage ? query : null // from the issuer, without success
  const fault = back?.get('fault')
  useEffect(() => {
    document.title = `${t.title} · ${common.product}`
  }, [])
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <p className="brand">
          <Mark /> {common.product}
        </p>
        <h1>{t.title}</h1>
        <p className="hint">{t.lead}</p>
        {fault && (
          <div className="note deny" role="alert">
            {t.issuerFault[fault] ?? t.issuerFault.issuer}
          </div>
        )}
        {issuer && <IssuerButton issuer={issuer} begin={async () => window.location.assign(await beginSignIn(back?.get('then') ?? window.location.pathname + window.location.search))} />}
        {issuer?.sign_out && (
          <p className="hint small">
            <a href={issuer.sign_out}>{t.issuerOut(issuer.name)}</a>
          </p>
        )}
        {issuer && <h2>{t.byToken}</h2>}
        <TokenForm onSignedIn={onSignedIn} second={!!issuer} />
        <div className="sign-in-help">
          <p>{t.what}</p>
          {file ? (
            <>
              <p>{t.dev}</p>
              <Copy text={`cat ${file}`} />
            </>
          ) : (
            <p>{t.other}</p>
          )}
        </div>
      </div>
    </main>
  )
}

/** Over the pages, which keep what was typed. It goes only by signing in. */
export function SignInAgain({session, onSignedIn}: Props) {
  const issuer = session.sign_in.issuer
  useEffect(() => {
    if (!issuer) return
    // Signed in in another window: that one says so, or this one has the focus again.
    const look = () => void getSession().then((s) => s.identity && onSignedIn(s), () => {})
    const channel = signedInChannel()
    channel.addEventListener('message', look)
    window.addEventListener('focus', look)
    return () => {
      channel.close()
      window.removeEventListener('focus', look)
    }
  })
  return (
    <Dialog title={t.title} onClose={() => {}}>
      <p>{t.again}</p>
      {issuer && (
        <>
          <IssuerButton issuer={issuer} begin={inOwnWindow} />
          <p className="hint small">{t.issuerAgain(issuer.name)}</p>
          <h3>{t.byToken}</h3>
        </>
      )}
      <TokenForm onSignedIn={onSignedIn} second={!!issuer} />
    </Dialog>
  )
}

/** The window is opened by the click itself, or browsers do not let it be. */
async function inOwnWindow() {
  const own = window.open('', '_blank')
  try {
    const at = await beginSignIn(signedInPage)
    if (own) own.location.replace(at)
  } catch (problem) {
    own?.close()
    throw problem
  }
}

/** What the window of its own shows in the end. */
export function SignedIn() {
  useEffect(() => {
    const channel = signedInChannel()
    channel.postMessage('')
    channel.close()
    window.close() // if it may
  }, [])
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <p className="brand">
          <Mark /> {common.product}
        </p>
        <h1>{t.done}</h1>
        <p>{t.doneHint}</p>
        <p>
          <a href="/ui/">{t.doneLink}</a>
        </p>
      </div>
    </main>
  )
}

function IssuerButton({issuer, begin}: {issuer: Issuer; begin: () => Promise<void>}) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const go = () => {
    setBusy(true)
    begin().catch(setError).finally(() => setBusy(false))
  }
  return (
    <>
      <button className="primary" type="button" autoFocus disabled={busy} onClick={go}>
        {t.issuer(issuer.name)}
      </button>
      <ProblemNote error={error} />
    </>
  )
}

function TokenForm({onSignedIn, second}: {onSignedIn: (s: Session) => void; second: boolean}) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    try {
      onSignedIn(await signIn(token.trim()))
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  const refused = isStatus(error, 401)
  return (
    <form onSubmit={submit}>
      <TextField
        label={t.token} name="token" type="password" value={token} onChange={(e) => setToken(e.target.value)} autoFocus={!second} autoComplete="current-password" required
        error={refused ? t.refused : undefined}
      />
      {!refused && <ProblemNote error={error} />}
      <button className={second ? undefined : 'primary'} disabled={busy || !token.trim()}>
        {t.submit}
      </button>
    </form>
  )
}
