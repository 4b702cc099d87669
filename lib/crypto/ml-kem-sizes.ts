// The sizes of ML-KEM-768 (FIPS 203), for whoever checks keys without computing with them: the server never loads the rest.
export const ML_KEM_PUBLIC_BYTES = 1184
export const ML_KEM_CIPHERTEXT_BYTES = 1088
