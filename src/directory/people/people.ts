/** The global address list: people whom users look up by name. Never used to log anybody in (S2.23). */
export interface People {
  /** `domain` is that of who asks. @throws AuthError unavailable */
  search(query: string, domain: string, limit: number): Promise<PeopleFound>;
  /** JPEG or PNG; undefined = none is known. @throws AuthError unavailable */
  photo(address: string, domain: string): Promise<Buffer | undefined>;
  close(): void;
}

export interface PeopleFound {
  /** Of all that match, as far as the directory tells. */
  readonly total: number;
  readonly people: readonly Person[];
}

/** "" = not known. */
export interface Person {
  readonly displayName: string;
  readonly address: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly alias: string;
  readonly phone: string;
  readonly mobilePhone: string;
  readonly homePhone: string;
  readonly office: string;
  readonly company: string;
  readonly title: string;
}
