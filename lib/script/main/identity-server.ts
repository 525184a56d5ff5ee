/** What stands behind `identityServer`. */
export interface ServerProperties {
  /**
   * The value of a property; undefined when nothing defines it.
   * @param substitute whether `&{…}` inside the value is resolved
   * @throws ResourceException 403 for one that scripts may not see
   */
  property(name: string, substitute: boolean): string | undefined
  /** Absolute directories. */
  readonly locations: Readonly<Record<'install' | 'project' | 'working', string>>
}
