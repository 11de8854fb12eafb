/** What JSON can hold, so that a checkpoint keeps it exactly. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
