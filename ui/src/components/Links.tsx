// Links to the things that the API names.
import {Link} from 'wouter'

import {useAccountPage, useWho} from '../api/account'

export function GroupLink({id}: {id: string}) {
  const {group, nameOf, path} = useAccountPage()
  const g = group(id)
  return g ? <Link href={path(`groups/${encodeURIComponent(id)}`)}>{g.name}</Link> : <span className="mono" title={id}>{nameOf(id)}</span>
}

export function NICLink({id}: {id: string}) {
  const {path} = useAccountPage()
  return (
    <Link className="mono" href={path(`nics/${encodeURIComponent(id)}`)}>
      {id}
    </Link>
  )
}

export function InstanceLink({id}: {id: string}) {
  const {path} = useAccountPage()
  return (
    <Link className="mono" href={path(`instances/${encodeURIComponent(id)}`)}>
      {id}
    </Link>
  )
}

/** A host; who may not look at hosts sees its name alone. */
export function HostLink({id}: {id: string | null}) {
  const {rights} = useWho()
  if (!id) return <span className="dim">–</span>
  return rights.platform ? (
    <Link className="mono" href={`/hosts/${encodeURIComponent(id)}`}>
      {id}
    </Link>
  ) : (
    <span className="mono">{id}</span>
  )
}
