/** One file of a public data set: where it comes from and how it is known to be the right one. */
export interface DataFile {
  url: string;
  /** Where it goes inside the data set's folder. */
  path: string;
  sha256: string;
  /** Absent where only its server knows. */
  bytes?: number;
  /** The folder to unpack beside it, of a tar archive. */
  unpacks?: string;
}

/** A public data set that a command can fetch from its own source. */
export interface DataSet {
  name: string;
  title: string;
  licence: string;
  /** A page about it, for people. */
  homepage: string;
  files: DataFile[];
  /** The file or folder to give to `--data`, inside the data set's folder; '' is the folder itself. */
  use: string;
}
