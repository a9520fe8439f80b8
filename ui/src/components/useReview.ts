// A change that is never made unseen: its dry run comes first, and counts only
// for what was in the form then.
import {useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {apply, type Done, preview, type Preview, type Send} from '../api/mutate'
import {isStatus, ProblemError} from '../api/problem'
import {review as t} from '../texts'
import {notify} from './Notices'

interface Options {
  /** What the form says: a preview of another text is outdated. */
  subject: string
  send: Send
  /** State that the change is made on; null where there is none. */
  etag: string | null
  onDone: (d: Done) => void
}

export function useReview({subject, send, etag, onDone}: Options) {
  const {account} = useAccountPage()
  const queries = useQueryClient()
  const [seen, setSeen] = useState<{subject: string; preview: Preview} | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState<'' | 'review' | 'apply'>('')
  const [confirm, setConfirm] = useState(false)

  const attempt = async (what: 'review' | 'apply', f: () => Promise<void>) => {
    setBusy(what)
    setError(null)
    try {
      await f()
    } catch (e) {
      setError(e)
      if (!(e instanceof ProblemError && e.code === 'would-open-egress')) setSeen(null)
    } finally {
      setBusy('')
    }
  }

  return {
    preview: seen?.subject === subject ? seen.preview : null,
    outdated: seen !== null && seen.subject !== subject,
    error,
    conflict: isStatus(error, 412),
    /** The account guards against what this opens: it wants a word more. */
    guarded: error instanceof ProblemError && error.code === 'would-open-egress',
    busy,
    confirm,
    setConfirm,
    review: () => attempt('review', async () => setSeen({subject, preview: await preview(send, etag, confirm)})),
    apply: () =>
      attempt('apply', async () => {
        const done = await apply(send, etag, confirm)
        void queries.invalidateQueries({queryKey: [account]})
        if (done.pending) notify(t.pending(done.revision, done.pending.lagging.map((l) => l.host ?? t.someHosts).join(', ')), 'warn')
        else notify(t.applied(done.revision, done.hosts))
        onDone(done)
      }),
    forget: () => (setSeen(null), setError(null)),
  }
}

export type Review = ReturnType<typeof useReview>
