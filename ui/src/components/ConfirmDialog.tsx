import type {ReactNode} from 'react'

import type {Done, Send} from '../api/mutate'
import {Dialog} from './Dialog'
import {ReviewFoot} from './ReviewFoot'
import {useReview} from './useReview'

interface Props {
  title: string
  /** What of the choices in children decides what is sent. */
  subject: string
  send: Send
  etag?: string | null
  danger?: boolean
  children?: ReactNode
  onClose: () => void
  onDone?: (d: Done) => void
}

/** A change without a form, or with a few choices: shown what it does, then made. */
export function ConfirmDialog({title, subject, send, etag = null, danger, children, onClose, onDone}: Props) {
  const review = useReview({
    subject, send, etag,
    onDone: (d) => {
      onClose()
      onDone?.(d)
    },
  })
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void review.review()
        }}
      >
        {children}
        <ReviewFoot review={review} onCancel={onClose} danger={danger} />
      </form>
    </Dialog>
  )
}
