import {Component, type ReactNode} from 'react'

import {common as t} from '../texts'

interface Props {
  /** Another page begins anew. */
  page: string
  children: ReactNode
}

/** A page that fails takes no other with it. */
export class ErrorBoundary extends Component<Props, {error: Error | null; page: string}> {
  state = {error: null as Error | null, page: this.props.page}

  static getDerivedStateFromError(error: Error) {
    return {error}
  }

  static getDerivedStateFromProps(props: Props, state: {page: string}) {
    return props.page === state.page ? null : {error: null, page: props.page}
  }

  render() {
    if (!this.state.error) return this.props.children
    return (
      <div className="note deny" role="alert">
        <strong>{t.unexpected}</strong>
        <p className="mono small">{this.state.error.message}</p>
        <button onClick={() => location.reload()}>{t.reload}</button>
      </div>
    )
  }
}
