import {type FormEvent, useState} from 'react'

import {isStatus} from '../api/problem'
import {type Session, signIn} from '../api/session'
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
  const file = session.sign_in.token_file
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <p className="brand">
          <Mark /> {common.product}
        </p>
        <h1>{t.title}</h1>
        <p className="hint">{t.lead}</p>
        <TokenForm onSignedIn={onSignedIn} />
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
export function SignInAgain({onSignedIn}: Props) {
  return (
    <Dialog title={t.title} onClose={() => {}}>
      <p>{t.again}</p>
      <TokenForm onSignedIn={onSignedIn} />
    </Dialog>
  )
}

function TokenForm({onSignedIn}: {onSignedIn: (s: Session) => void}) {
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
        label={t.token} name="token" type="password" value={token} onChange={(e) => setToken(e.target.value)} autoFocus autoComplete="current-password" required
        error={refused ? t.refused : undefined}
      />
      {!refused && <ProblemNote error={error} />}
      <button className="primary" disabled={busy || !token.trim()}>
        {t.submit}
      </button>
    </form>
  )
}
