/* empty.c - stands in for a folder that has no source yet. */
typedef int atm_empty_translation_unit;
