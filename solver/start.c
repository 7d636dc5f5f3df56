/* start.c - room for what one linear program leaves for the next. */
#include "start.h"

#include "arena.h"

enum atm_status atm_plan_start_new(struct atm_plan_start **start)
{
    *start = atm_alloc_array(1, sizeof(**start));
    return *start ? ATM_OK : ATM_NOMEM;
}

void atm_plan_start_delete(struct atm_plan_start **start)
{
    if (*start)
        atm_arena_delete((*start)->arena);
    atm_free(*start);
    *start = NULL;
}

enum atm_status atm__plan_start_reset(struct atm_plan_start *s, uint32_t n_row,
                                      uint32_t n_col, uint32_t n_lazy)
{
    struct atm_arena *arena = atm_arena_new();

    atm_arena_delete(s->arena);
    *s = (struct atm_plan_start){.arena = arena};
    if (!arena)
        return ATM_NOMEM;
    s->at = atm_arena_array(arena, n_lazy, sizeof(*s->at));
    s->slow = atm_arena_array(arena, n_lazy, 1);
    s->row = atm_arena_array(arena, (size_t)n_row + n_lazy + 1, 1);
    s->col = atm_arena_array(arena, (size_t)n_col + 1, 1);
    if (!s->at || !s->slow || !s->row || !s->col)
        return ATM_NOMEM;
    s->n_row = n_row;
    s->n_col = n_col;
    s->n_lazy = n_lazy;
    return ATM_OK;
}
