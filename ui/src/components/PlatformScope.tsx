import {type ReactNode, useMemo} from 'react'

import {AccountContext, accountPath} from '../api/account'

/** What forms need around them on pages of the platform, where no account is. */
export function PlatformScope({children}: {children: ReactNode}) {
  const value = useMemo(
    () => ({account: 'platform', groups: [], shared: [], groupsLoaded: true, group: () => undefined, nameOf: (id: string) => id, path: (page: string) => accountPath('', page)}),
    [],
  )
  return <AccountContext.Provider value={value}>{children}</AccountContext.Provider>
}
